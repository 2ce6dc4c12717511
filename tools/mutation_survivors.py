"""Mutants of controller/ that no case can or need kill: by their code, each with the reason."""

EQUIVALENT: dict[str, str] = {}
