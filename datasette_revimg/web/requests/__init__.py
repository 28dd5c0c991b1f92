"""From a request to a valid question, and from an answer to a response."""
