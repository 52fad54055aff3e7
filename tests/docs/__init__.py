"""The pages of the documentation: their code runs, their figures are true, and they build."""
