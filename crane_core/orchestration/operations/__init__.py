"""Operations: what becomes of a change, followed to its verdict."""
