"""The command `covidlib`: one module per larger command, the others in `main`."""
