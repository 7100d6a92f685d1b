"""Made-up inputs in the published formats, of any size, with the truth beside them."""
