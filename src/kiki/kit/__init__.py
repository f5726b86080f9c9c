"""The house's tools: clock, money, database, sealing, errors, gRPC, HTTP, logging. No business words live here."""
