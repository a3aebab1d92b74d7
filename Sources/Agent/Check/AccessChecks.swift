import AgentCore
import Logging
import Shared

/// What `check` says of who may ask, and of the files that decide it.
struct AccessChecks: Sendable {
    /// What is wrong, one line each; empty where nothing is.
    var problems: [String] = []
    /// What will be wrong soon, one line each.
    var warnings: [String] = []
    /// How the addresses are protected, in one line.
    var protection: String

    /// - Parameters:
    ///   - configuration: what the agent would be built from.
    ///   - files: the files that the configuration names, with their keys.
    ///   - places: where the configuration file says what is wrong.
    init(
        _ configuration: AgentConfiguration, files: [(key: String, path: String)],
        credentials: CredentialFolders = .none,
        places: ConfigurationLocations = .none, clock: Clock = .system
    ) {
        let reachable = configuration.listen.filter { !$0.isLocal }
        // A certificate of the server's own keeps nobody out.
        let isProtected = files.contains { !["access.tls.certificate", "access.tls.key"].contains($0.key) }
        protection =
            if isProtected {
                files.map { "\($0.key) \(Sanitizer.singleLine($0.path, limit: 200))" }.joined(separator: ", ")
            } else if reachable.isEmpty {
                "none, and only this machine reaches it"
            } else {
                "none: anybody who reaches it can read it"
            }
        if !reachable.isEmpty, !isProtected, !configuration.access.allowsAnonymous {
            problems += reachable.map { address in
                places.placed("\(AgentError.beyondLoopback("\(address)"))", at: "listen") { text in
                    // Judged already, so it is one.
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
        // What the agent does with them when it starts, so that it cannot fail there on what passed here.
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
        case .missing: "does not exist: write it, or correct the path"
        case .denied: "may not be read by this user: let the agent's user read it"
        case .notRegular: "is no regular file: correct the path"
        case .tooLarge: "is larger than 1 MiB: is it the right file?"
        case .hanging, .noThread: "cannot be read: is its file system there?"
        case .other(let code): "cannot be read (errno \(code)): correct the path"
        }
    }
}
