/// Where the ledger is: `--store`, else systemd's state directory, else the user's.
package enum LedgerPath {
    /// The ledger's path, or nil where nothing is to be kept.
    ///
    /// A relative `$XDG_STATE_HOME` is ignored (XDG Base Directory Specification, "all paths must be absolute"). Of several
    /// directories in `$STATE_DIRECTORY`, which systemd parts with colons, the first is taken.
    ///
    /// - Parameter flag: the value of `--store`; `none` keeps nothing.
    package static func resolve(flag: String?, environment: [String: String]) throws(LedgerError) -> String? {
        if let flag {
            guard !flag.isEmpty else { throw .emptyPath }
            return flag == "none" ? nil : flag
        }
        if let state = environment["STATE_DIRECTORY"]?.split(separator: ":").first {
            return "\(state)/ledger.db"
        }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return "\(state)/buildinfo/ledger.db"
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { throw .noPlace }
        return "\(home)/.local/state/buildinfo/ledger.db"
    }
}
