"""What a job is told but is no reason to run it again: where something lies, as opposed to what it is."""


class Untracked:
    """A parameter of a rule that Snakemake passes on but does not compare with that of the last run.

    Snakemake compares parameters of Python's own types alone, and lists of them by their `repr`: so an object of this class may
    stand alone, or in a list of arguments of which the others are compared.

    Args:
        value: its text is what `{params.name}` and `{params.name:q}` become.
    """

    def __init__(self, value: object):
        self.value = value

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, specification: str) -> str:
        return format(str(self.value), specification)

    def __repr__(self) -> str:
        return "Untracked"  # the same for every value: in a list, this is what Snakemake compares
