"""The hostile corpus: pictures, bodies and connections that mean harm, and who sends them."""
