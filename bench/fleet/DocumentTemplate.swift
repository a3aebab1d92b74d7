import AgentCore
import NIOCore
import Shared

/// One rendered document, as the agent renders it, and the places of the values that differ between hosts and requests.
///
/// A fleet has a handful of templates, so a host needs no document of its own.
struct DocumentTemplate: Sendable {
    /// The build and the state that a document reports.
    struct Content: Hashable, Sendable {
        var sha: GitSHA?
        var digest: Digest?
        var state: ServiceState
        var service: String
    }

    /// A run of placeholder bytes.
    private struct Place: Sendable {
        let offset: Int
        let value: Value
    }

    private enum Value: Sendable {
        case host, incarnation, observedAt
    }

    /// The bytes before the nonce.
    private let head: [UInt8]
    /// The bytes after the nonce.
    private let tail: [UInt8]
    private let places: [Place]

    /// Digits of a host's number.
    static let hostDigits = 6
    private static let incarnationDigits = 5
    private static let hostMark = [UInt8](repeating: UInt8(ascii: "#"), count: hostDigits)
    private static let incarnationMark = [UInt8](repeating: UInt8(ascii: "%"), count: incarnationDigits)
    private static let nonceStart = Array(",\"nonce\":\"".utf8)
    private static let dateMark = "0000-00-00T00:00:00.000Z"
    /// The age that every document reports: its state is known, not observed.
    static let age = "0.001"

    init(_ content: Content) throws {
        let number = String(decoding: Self.hostMark, as: UTF8.self)
        let incarnation = String(decoding: Self.incarnationMark, as: UTF8.self)
        let image = ImageEvidence(
            reference: "registry.example.com/\(content.service):latest", platform: "linux/amd64", origin: .registry,
            digests: content.digest.map {
                [
                    DigestEvidence(
                        digest: $0, kind: .indexOrManifest, repository: "registry.example.com/\(content.service)",
                        source: .imageRepoDigests)
                ]
            } ?? [], tagMoved: false)
        let instance = Instance(
            id: String(repeating: "c0ffee00", count: 6) + "00000" + number + incarnation, name: "\(content.service)-1",
            state: content.state, health: content.state == .unhealthy ? .unhealthy : .healthy,
            startedAt: "2026-01-01T00:00:00Z", restartCount: 0, oomKilled: false, gitSHA: Reported(content.sha),
            image: image)
        let body = try DocumentBody(
            DocumentContent(
                service: content.service, gitSHA: content.sha, digest: content.digest, state: content.state,
                host: HostIdentity(id: "fleet-\(number)", name: "host-\(number)", bootID: "boot-\(number)"),
                instances: [instance],
                engine: EngineIdentity(name: .docker, store: .classic, version: "29.0.1", apiVersion: "1.52")))
        let bytes = body.bytes(
            observedAt: Self.dateMark, age: .milliseconds(1), uptime: .seconds(86_400), nonce: "~")
        guard let range = bytes.lastRange(of: Self.nonceStart + [UInt8(ascii: "~"), UInt8(ascii: "\"")]) else {
            throw FleetError.template
        }
        head = Array(bytes[..<range.lowerBound])
        tail = Array(bytes[range.upperBound...])
        places =
            Self.places(of: Self.hostMark, .host, in: head)
            + Self.places(of: Self.incarnationMark, .incarnation, in: head)
            + Self.places(of: Array(Self.dateMark.utf8), .observedAt, in: head)
    }

    /// The document's size in bytes, with a nonce of so many escaped bytes; 0 for none.
    func count(nonce: Int) -> Int {
        head.count + (nonce == 0 ? 0 : Self.nonceStart.count + nonce + 1) + tail.count
    }

    /// Appends the document.
    ///
    /// - Parameters:
    ///   - nonce: the nonce as it appears in a JSON string; empty for none.
    ///   - observedAt: an RFC 3339 date of 24 bytes.
    func write(to buffer: inout ByteBuffer, host: Int, incarnation: Int, nonce: [UInt8], observedAt: [UInt8]) {
        let start = buffer.readableBytes
        buffer.writeBytes(head)
        if !nonce.isEmpty {
            buffer.writeBytes(Self.nonceStart)
            buffer.writeBytes(nonce)
            buffer.writeInteger(UInt8(ascii: "\""))
        }
        buffer.writeBytes(tail)
        buffer.withUnsafeMutableReadableBytes { bytes in
            for place in places {
                let offset = start + place.offset
                switch place.value {
                case .host: Self.put(host, Self.hostDigits, bytes, offset)
                case .incarnation: Self.put(incarnation, Self.incarnationDigits, bytes, offset)
                case .observedAt:
                    for (index, byte) in observedAt.enumerated() { bytes[offset + index] = byte }
                }
            }
        }
    }

    /// Writes a number with leading zeros.
    private static func put(_ number: Int, _ digits: Int, _ bytes: UnsafeMutableRawBufferPointer, _ offset: Int) {
        var rest = number
        for index in stride(from: offset + digits - 1, through: offset, by: -1) {
            bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    private static func places(of mark: [UInt8], _ value: Value, in bytes: [UInt8]) -> [Place] {
        var places: [Place] = []
        var offset = 0
        while offset + mark.count <= bytes.count {
            if bytes[offset..<(offset + mark.count)].elementsEqual(mark) {
                places.append(Place(offset: offset, value: value))
                offset += mark.count
            } else {
                offset += 1
            }
        }
        return places
    }
}

extension [UInt8] {
    /// The range of the last occurrence.
    fileprivate func lastRange(of part: [UInt8]) -> Range<Int>? {
        guard count >= part.count else { return nil }
        for start in stride(from: count - part.count, through: 0, by: -1)
        where self[start..<(start + part.count)].elementsEqual(part) {
            return start..<(start + part.count)
        }
        return nil
    }
}
