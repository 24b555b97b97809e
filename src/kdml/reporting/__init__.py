"""Words and pictures for readers: tables, figures and pages, drawn from files without computing anything."""
