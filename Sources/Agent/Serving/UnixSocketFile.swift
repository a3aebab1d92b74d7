import Glibc

/// Removes a socket file that a killed process left behind, and nothing else.
enum UnixSocketFile {
    /// - Throws: ``AgentError/addressInUse(_:)`` where somebody listens on it; ``AgentError/cannotListen(_:why:)`` where the
    ///   path is no socket.
    static func clear(_ path: String) throws(AgentError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .cannotListen("unix:\(path)", why: "the path is taken by a file")
        }
        if isAnswered(path) { throw .addressInUse("unix:\(path)") }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .cannotListen("unix:\(path)", why: "a stale socket there cannot be removed")
        }
    }

    private static func isAnswered(_ path: String) -> Bool {
        guard let address = UnixAddress(path: path) else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        // Only a refusal proves that nobody is there.
        return address.withSocketAddress { connect(descriptor, $0, $1) } == 0 || errno != ECONNREFUSED
    }
}
