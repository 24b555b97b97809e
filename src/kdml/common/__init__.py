"""What every other folder builds on: errors for people, files that appear whole, command lines, and source code as code."""
