import NIOCore
import Shared

/// Where a service is asked what it serves: HTTP on this machine's loopback, or on a unix socket.
///
/// Nothing else, so that an agent can never be made to ask other machines.
struct ProbeURL: Hashable, Sendable, CustomStringConvertible {
    enum Place: Hashable, Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    let place: Place
    /// The request's target: path and query.
    let target: String
    /// The value of the request's `Host`.
    let authority: String
    /// As it was written, but for a query, which may hold what only the service should know.
    let description: String

    /// Why a text is no such place; each says what to write.
    enum Defect: Error, Hashable, CustomStringConvertible {
        case notText
        case tooLong
        case https
        case scheme
        case userInfo
        case fragment
        case port
        case notLoopback(String)
        case unix

        var description: String {
            switch self {
            case .notText: "holds something else than printable ASCII: percent-encode it"
            case .tooLong: "is longer than \(ProbeURL.lengthLimit) characters: shorten it"
            case .https: "asks for TLS: name a port on loopback where the service speaks plain HTTP"
            case .scheme: "is no URL: write http://127.0.0.1:PORT/PATH or unix:/SOCKET:/PATH"
            case .userInfo: "names a user: let the service answer without one on loopback"
            case .fragment: "has a fragment: remove '#' and what follows"
            case .port: "has no usable port: write one from 1 to 65535"
            case .notLoopback(let host):
                "leads to '\(host)', which is not this machine's loopback: write 127.0.0.1, [::1] or localhost"
            case .unix:
                "is no socket with a path: write unix:/SOCKET:/PATH, for example unix:/run/canvas.sock:/buildinfo"
            }
        }
    }

    static let lengthLimit = 1_024

    init(parsing text: String) throws(Defect) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .notText }
        guard text.utf8.count <= Self.lengthLimit else { throw .tooLong }
        guard !text.utf8.contains(UInt8(ascii: "#")) else { throw .fragment }
        let question = text.firstIndex(of: "?")
        description = question.map { text[..<$0] + "?..." } ?? text
        if text.hasPrefix("unix:") {
            var rest = text.dropFirst("unix:".count)
            if rest.hasPrefix("//") { rest = rest.dropFirst(2) }
            guard let colon = rest.firstIndex(of: ":") else { throw .unix }
            let (path, target) = (rest[..<colon], rest[rest.index(after: colon)...])
            guard path.hasPrefix("/"), (2...107).contains(path.utf8.count), target.hasPrefix("/") else { throw .unix }
            place = .unix(path: String(path))
            self.target = String(target)
            authority = "localhost"
            return
        }
        let lower = text.lowercased()
        guard !lower.hasPrefix("https://") else { throw .https }
        guard lower.hasPrefix("http://") else { throw .scheme }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest[authority.endIndex...]
        self.target = (target.hasPrefix("/") ? "" : "/") + target
        self.authority = String(authority)
        place = try Self.place(authority)
    }

    private static func place(_ authority: Substring) throws(Defect) -> Place {
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw .userInfo }
        var host = authority
        var rest: Substring = ""
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            rest = authority[authority.index(after: bracket)...]
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            rest = authority[colon...]
        }
        guard !host.isEmpty else { throw .scheme }
        var port = 80
        if !rest.isEmpty {
            let digits = rest.dropFirst()
            guard rest.hasPrefix(":"), digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
                (1...65_535).contains(number)
            else { throw .port }
            port = number
        }
        // Not asked of a resolver, whose answer could lead anywhere.
        let name = host.lowercased() == "localhost" ? "127.0.0.1" : String(host)
        do {
            guard try SocketAddress(ipAddress: name, port: port).isLoopback else { throw Defect.notLoopback(name) }
        } catch {
            throw .notLoopback(Sanitizer.singleLine(host, limit: 100))
        }
        return .tcp(host: name, port: port)
    }
}
