"""What the readers of tables share: fields of a line (`delimited`), and a row as a document (`rows`)."""
