"""The engine beside stock kclpy: the same recorded lines of the daemon through both, each in a process of its own."""
