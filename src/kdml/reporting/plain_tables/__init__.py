"""Tables whose rows a reader may sort, one module for each: a function `table` of files under labels. They compute nothing."""
