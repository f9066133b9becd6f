"""What a failed proof raises. There is no other outcome: a proof object, or one of these."""


class ProofError(Exception):
    """No proof was found; the message says why."""


class Refused(ProofError):
    """The statement says nothing, may lack a value, or lies outside the prover's fragment."""


class Falsified(ProofError):
    """The statement is false: the message gives the number of logits and the values."""


class Unproved(ProofError):
    """The normal form of the difference is not the literal zero, or a sign stays open."""


class Unsound(ProofError):
    """The prover also accepted a statement that is false: its word is worth nothing here."""
