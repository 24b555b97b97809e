// Click on a heading sorts its table: numbers by value, words by the alphabet, what is missing last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, place) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    table.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
    const key = row => row.cells[place].dataset.value;
    const missing = value => value === "nan" || value === "";
    const compare = (a, b) => {
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      const numeric = !isNaN(a) && !isNaN(b);
      return down * (numeric ? a - b : a.localeCompare(b));
    };
    [...body.rows].sort((a, b) => compare(key(a), key(b))).forEach(row => body.append(row));
  }));
}
