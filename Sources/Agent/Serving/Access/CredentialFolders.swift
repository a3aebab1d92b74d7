import Glibc

/// Where systemd hands the service its tokens and certificates: copied at start (`LoadCredential=`), and again at each reload
/// by `buildinfo-agent-access.service`, since systemd itself copies them once.
struct CredentialFolders: Hashable, Sendable {
    /// `$CREDENTIALS_DIRECTORY`; nil where there is none.
    let atStart: String?
    /// `$RUNTIME_DIRECTORY/access`, which comes to be with the first reload.
    let renewed: String?

    static let none = CredentialFolders(atStart: nil, renewed: nil)

    init(atStart: String?, renewed: String? = nil) {
        self.atStart = atStart.flatMap { $0.hasPrefix("/") ? $0 : nil }
        self.renewed = renewed.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    init(environment: [String: String]) {
        // Several of them are parted by colons; the unit has one.
        self.init(
            atStart: environment["CREDENTIALS_DIRECTORY"],
            renewed: environment["RUNTIME_DIRECTORY"].map { "\($0.prefix { $0 != ":" })/access" })
    }

    /// Whether systemd placed the file.
    func contains(_ path: String) -> Bool { atStart.map { path.hasPrefix("\($0)/") } ?? false }

    /// Where a file that systemd placed at start is now: what was renewed counts as a whole.
    func current(_ path: String) -> String {
        guard let renewed, contains(path), access(renewed, F_OK) == 0 else { return path }
        return "\(renewed)/\(path.split(separator: "/").last ?? "")"
    }
}
