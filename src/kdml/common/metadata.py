"""What is known of pictures beyond label and group: how its columns are called, and what stands for a value that is missing."""

METADATA = "metadata_"  # before the names of columns of index and cases that hold it
SPACING = (
    "mm_down",
    "mm_across",
)  # columns of the index: millimetres between pixels of the prepared image, where they are known
MISSING = ("", "unknown", "nan", "na", "n/a", "none")  # in small letters
UNKNOWN = "unknown"


def known(value: str) -> str:
    """A value as it is stored; one that is missing, however a table says so, is `UNKNOWN`."""
    return UNKNOWN if value.strip().lower() in MISSING else value.strip()
