// What a reader cannot do with HTML and CSS alone.

// Every cell knows what stands above it, so that on a narrow screen rows can be shown as lists (style.css) and no column is cut.
for (const table of document.querySelectorAll("table:not(.facts)")) {
  const heads = [...table.tHead?.rows ?? []].map(row => [...row.cells].flatMap(cell => Array(cell.colSpan).fill(
    (cell.querySelector("button") ?? cell).firstChild?.textContent.trim() ?? "")));
  if (!heads.length) continue;
  table.classList.add("narrow");
  for (const body of table.tBodies) for (const row of body.rows) for (const cell of row.cells) {
    if (cell.tagName === "TD") cell.dataset.label = heads.map(head => head[cell.cellIndex]).filter(Boolean).join(" ");
  }
  if (!table.querySelector("button")) table.parentElement.tabIndex = 0;  // the keyboard can scroll what is too wide
}

// A link to something folded unfolds it.
const unfold = () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
addEventListener("hashchange", unfold);
unfold();
