"""What leaves the program for people: exports of the labels."""
