extension Int {
    /// So many hosts, in words: `1 host`, `12 hosts`.
    package var hostCount: String { self == 1 ? "1 host" : "\(self) hosts" }
}
