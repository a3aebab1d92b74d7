import AgentCore
import Logging
import Shared

/// The checks of authentication and its files for `check`.
struct AccessChecks: Sendable {
    /// The problems, one line each.
    var problems: [String] = []
    /// The problems to come, such as certificates about to expire, one line each.
    var warnings: [String] = []
    /// The protection of the addresses, in one line.
    var protection: String

    /// - Parameters:
    ///   - configuration: the configuration of `serve`.
    ///   - files: the files for authentication, with their keys.
    ///   - places: the positions of the values in the configuration file.
    init(
        _ configuration: AgentConfiguration, files: [(key: String, path: String)],
        credentials: CredentialFolders = .none,
        places: ConfigurationLocations = .none, clock: Clock = .system
    ) {
        let reachable = configuration.listen.filter { !$0.isLocal }
        // The server's own certificate restricts no client.
        let isProtected = files.contains { !["access.tls.certificate", "access.tls.key"].contains($0.key) }
        protection =
            if isProtected {
                files.map { "\($0.key) \(Sanitizer.singleLine($0.path, limit: 200))" }.joined(separator: ", ")
            } else if reachable.isEmpty {
                "none; reachable from this machine only"
            } else {
                "none; anonymous access from the network"
            }
        if !reachable.isEmpty, !isProtected, !configuration.access.allowsAnonymous {
            problems += reachable.map { address in
                places.placed("\(AgentError.beyondLoopback("\(address)"))", at: "listen") { text in
                    // Already parsed once, so it is valid.
                    (try? ListenAddress(parsing: text)) == address
                }
            }
        }
        for file in files {
            guard case .failure(let defect) = SmallFile.read(credentials.current(file.path), limit: 1 << 20) else {
                continue
            }
            let problem = "\(file.key) \(Sanitizer.singleLine(file.path, limit: 200)) \(Self.describe(defect))"
            problems.append(places.placed(problem, at: file.key) { $0 == file.path })
        }
        guard problems.isEmpty else { return }
        // Reads the files as `serve` does, so it cannot fail on files that pass here.
        do throws(AccessError) {
            let silent = Logger(label: "check", factory: { _ in SwiftLogNoOpLogHandler() })
            let control = try AccessControl(
                configuration.access, credentials: credentials, clock: clock, logger: silent)
            for expiry in control.expiries {
                let now = clock.unixMilliseconds()
                guard let warning = expiry.warning(now) else { continue }
                guard expiry.isExpired(now) else {
                    warnings.append(warning)
                    continue
                }
                let key = expiry.owner == .server ? "access.tls.certificate" : "access.tls.client_ca"
                problems.append(places.placed(warning, at: key) { _ in true })
            }
        } catch {
            let (key, text) = error.subject
            problems.append(places.placed("\(error)", at: key) { text == nil || $0 == text })
        }
    }

    private static func describe(_ defect: FileReadFailure) -> String {
        switch defect {
        case .missing: "does not exist: create it, or correct the path"
        case .denied: "cannot be read by this user: let the agent's user read it"
        case .notRegular: "is not a regular file: correct the path"
        case .tooLarge: "is larger than 1 MiB: is it the right file?"
        case .hanging, .noThread: "cannot be read: check its file system"
        case .other(let code): "cannot be read (errno \(code)): correct the path"
        }
    }
}
