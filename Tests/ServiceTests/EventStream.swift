import Foundation
import Glibc
import Testing

/// A client of server-sent events over a plain socket.
final class EventStream {
    struct Event {
        var kind = "message"
        var id: String?
        var retry: Int?
        var data = ""

        var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(data.utf8))) as? [String: Any] ?? [:]
        }
    }

    private let connection: Int32
    private var received: [UInt8] = []
    private(set) var isClosed = false

    /// - Parameter window: the size of the receive buffer in bytes; nil for the system's.
    init(_ service: ServedCollector, query: String = "", headers: [(String, String)] = [], window: Int32? = nil) throws
    {
        connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var window {
            setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size))
        }
        let parts = service.authority.split(separator: ":")
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = try #require(UInt16(parts[1])).bigEndian
        inet_pton(AF_INET, String(parts[0]), &address.sin_addr)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        var head = "GET /api/v1/events\(query) HTTP/1.1\r\nHost: \(service.authority)\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        let bytes = Array((head + "\r\n").utf8)
        try #require(Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    deinit { leave() }

    private var hasLeft = false

    func leave() {
        if !hasLeft { close(connection) }
        hasLeft = true
    }

    /// The head of the answer, and its text without the sizes of chunks.
    var text: (head: String, body: String) {
        let whole = String(decoding: received, as: UTF8.self)
        guard let end = whole.range(of: "\r\n\r\n") else { return (whole, "") }
        var body = ""
        var rest = received[...].dropFirst(whole[..<end.upperBound].utf8.count)
        while let line = rest.firstIndex(of: 13), rest.count > line - rest.startIndex + 2,
            let size = Int(String(decoding: rest[..<line], as: UTF8.self), radix: 16), size > 0
        {
            rest = rest[(line + 2)...]
            body += String(decoding: rest.prefix(size), as: UTF8.self)
            guard rest.count >= size + 2 else { break }
            rest = rest.dropFirst(size + 2)
        }
        return (String(whole[..<end.lowerBound]), body)
    }

    var events: [Event] {
        text.body.components(separatedBy: "\n\n").dropLast().compactMap { block in
            var event = Event()
            var isEvent = false
            for line in block.split(separator: "\n") where !line.hasPrefix(":") {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                let value = String(parts[1].drop { $0 == " " })
                isEvent = true
                switch parts[0] {
                case "event": event.kind = value
                case "id": event.id = value
                case "retry": event.retry = Int(value)
                case "data": event.data += value
                default: break
                }
            }
            return isEvent ? event : nil
        }
    }

    /// Reads until the events are as wanted, or the stream ends.
    func read(_ what: String, within seconds: Double = 30, until isEnough: ([Event]) -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isEnough(events) {
            guard !isClosed, ContinuousClock.now < deadline else {
                throw NotSeen(
                    description: "not seen: \(what); closed: \(isClosed); \(text.head)\n\(text.body.suffix(2_000))")
            }
            var ready = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 200) > 0 else { continue }
            let count = recv(connection, &buffer, buffer.count, 0)
            if count > 0 { received += buffer[..<count] } else { isClosed = true }
        }
    }

    struct NotSeen: Error, CustomStringConvertible {
        let description: String
    }
}
