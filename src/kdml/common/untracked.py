"""placeholder"""


class Untracked:
    def __init__(self, value):
        self.value = value

    def __iter__(self):
        return iter(self.value)

    def __str__(self):
        return str(self.value)
