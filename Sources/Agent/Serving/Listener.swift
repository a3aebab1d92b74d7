/// Where the server listens: an address of its own, or a socket that systemd opened.
enum Listener: Hashable, Sendable {
    case address(ListenAddress)
    case inherited(descriptor: Int32)
}
