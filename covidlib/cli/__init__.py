"""The command-line program `covidlib`: one module per larger command, the others in `main`."""
