"""What the tests share: pictures, databases, servers, weight files."""
