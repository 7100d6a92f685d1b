"""Files in, for every domain: found, told apart by content, taken in once; what is refused is kept with its reason."""
