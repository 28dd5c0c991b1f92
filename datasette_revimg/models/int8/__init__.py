"""Networks in whole numbers of 8 bits: a quarter of the bytes, and several times the speed."""
