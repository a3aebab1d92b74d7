/// An error of the fleet: what, its problem, and the remedy.
enum FleetError: Error, CustomStringConvertible {
    case template
    case script(line: Int, text: String, problem: String)
    case permission(reason: String)
    case listen(port: Int, reason: String)
    case file(path: String, reason: String)

    var description: String {
        switch self {
        case .template: "the agent's document has no nonce: adapt bench/fleet/DocumentTemplate.swift to its new form"
        case .script(let line, let text, let problem):
            "line \(line) of the script, '\(text)', \(problem)"
        case .permission(let reason):
            "the socket cannot be bound to the interface 'lo' (\(reason)): run as root, with CAP_NET_RAW or on Linux 5.7 or later, since only that keeps a wildcard address unreachable from outside"
        case .listen(let port, let reason): "port \(port) cannot be listened on (\(reason)): pass a free --port"
        case .file(let path, let reason):
            "'\(path)' cannot be used (\(reason)): pass the path of a file that this user can access"
        }
    }
}
