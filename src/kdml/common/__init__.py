"""What every other folder builds on: errors for people, files that appear whole, checked readers, command lines, and source code as code."""
