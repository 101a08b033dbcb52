"""The solver cvc5 as a program: SMT-LIB from standard input, answers to standard output, as `cvc5 --lang smt` does.

The package has no program in it, only the library and its parser. Each command is carried out when its last bracket
has come, and what it says is flushed, because whoever asks waits for it. `(reset)` begins with a new solver. An
argument `--name=value` sets an option of every solver; anything else is for another program's ears.
"""

import sys

import cvc5

OPTIONS = [word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word]


class Session:
    """A solver, with the names that were declared to it."""

    def __init__(self):
        manager = cvc5.TermManager()
        self.solver = cvc5.Solver(manager)
        for name, value in OPTIONS:
            self.solver.setOption(name, value)
        self.symbols = cvc5.SymbolManager(manager)
        self.parser = cvc5.InputParser(self.solver, self.symbols)

    def perform(self, text):
        self.parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "input")
        said = ""
        while not (command := self.parser.nextCommand()).isNull():
            said += command.invoke(self.solver, self.symbols)
        return said


def questions(lines):
    """Commands up to one that is waited for: whole, by their brackets, and many at once, which is much faster."""
    text, depth, closing, command = "", 0, None, ""
    for line in lines:
        if depth == 0 and closing is None:
            command = line
        text += line
        for character in line:
            if closing is not None:
                if character == closing:
                    closing = None
            elif character in '"|':
                closing = character
            elif character == ";":
                break
            elif character == "(":
                depth += 1
            elif character == ")":
                depth -= 1
        if depth == 0 and closing is None and command.startswith(WAITED_FOR):
            yield text, command.strip()
            text = ""
    yield text, "(exit)"


WAITED_FOR = ("(check-sat", "(get-", "(echo", "(reset)", "(exit)")


def main():
    session = Session()
    for text, last in questions(sys.stdin):
        try:
            if last == "(reset)":
                session = Session()
                continue
            said = session.perform(text)
        except Exception as error:
            # As the program itself would, and goes no further: what follows was meant for what has failed.
            said = '(error "%s")\n' % str(error).replace('"', '""').replace("\n", " ")
            print(said, end="", flush=True)
            sys.exit(1)
        if last == "(exit)":
            return
        if said:
            print(said, end="", flush=True)


main()
