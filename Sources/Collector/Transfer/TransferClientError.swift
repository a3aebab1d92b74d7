/// Why there can be no engine.
package enum TransferClientError: Error, Hashable, CustomStringConvertible {
    /// A libcurl call at start failed; `reason` is libcurl's.
    case libcurl(call: String, reason: String)
    /// A system call at start failed with this errno's text.
    case system(call: String, reason: String)

    package var description: String {
        switch self {
        case .libcurl(let call, let reason):
            "libcurl refused \(call) (\(reason)): the collector needs libcurl 7.87 or newer, with TLS"
        case .system(let call, let reason):
            "\(call) failed (\(reason)): raise the limits on open files and threads of this process"
        }
    }
}
