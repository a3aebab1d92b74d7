package import Shared

/// A failed start of the transfer client: this machine lacks something that it needs.
package enum TransferClientError: ExitCoded, Hashable {
    /// A libcurl call at start failed; `reason` is libcurl's.
    case libcurl(call: String, reason: String)
    /// A system call at start failed with this errno's text.
    case system(call: String, reason: String)

    package var exitStatus: ExitStatus { .unavailable }

    package var description: String {
        switch self {
        case .libcurl(let call, let reason):
            "libcurl refused \(call) (\(reason)): the collector needs libcurl 7.87 or newer, with TLS"
        case .system(let call, let reason):
            "\(call) failed (\(reason)): raise the limits on open files and threads of this process"
        }
    }
}
