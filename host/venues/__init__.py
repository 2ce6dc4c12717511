"""Venues behind one protocol of packets: requests, events, what each venue can do and takes."""
