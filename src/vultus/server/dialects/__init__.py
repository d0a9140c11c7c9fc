"""Other services' APIs, one file each: they translate requests and answers, and hold no inference logic."""
