"""gRPC edge shared by servers and clients: settings, server, channel, status and value conversions."""
