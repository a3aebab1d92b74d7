import Glibc
import Shared

/// Which sockets are asked: the named ones, or the first default that exists when a look is made.
///
/// The default is chosen anew at each look, because an engine may be started after the agent.
struct EngineSockets: Hashable, Sendable {
    /// Paths; empty for the default.
    let named: [String]
    let defaults: [String]

    init(named: [String] = [], defaults: [String]) {
        self.named = named
        self.defaults = defaults
    }

    init(parsing texts: [String], environment: [String: String]) throws(AgentError) {
        var paths: [String] = []
        for text in texts {
            // A bare path will do.
            guard let path = ListenAddress.socketPath(text.hasPrefix("unix:") ? text : "unix:\(text)") else {
                throw .engineSyntax(Hygiene.line(text, limit: 200))
            }
            if !paths.contains(path) { paths.append(path) }
        }
        named = paths
        let runtime = environment["XDG_RUNTIME_DIR"].flatMap { $0.hasPrefix("/") ? ["\($0)/docker.sock"] : nil } ?? []
        defaults = ["/run/docker.sock"] + runtime + ["/run/podman/podman.sock"]
    }

    /// The paths to ask now; never empty.
    func current() -> [String] {
        if !named.isEmpty { return named }
        return [defaults.first { access($0, F_OK) == 0 } ?? defaults.first ?? "/run/docker.sock"]
    }
}
