"""What every other folder builds on: errors for people, whole files, checked readers, command lines, source code as code."""
