"""How long recordings really are: for each kind of file, a walk through its bytes that decodes nothing."""
