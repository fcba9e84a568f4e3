"""`unmask app`: the page on your own machine."""
