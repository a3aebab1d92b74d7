import CollectorSupport
import FoundationEssentials
import Glibc
import Shared
import Synchronization

/// The state of a signed-in browser, which its cookie carries.
struct Session: Hashable, Sendable {
    /// Random, and new with each sign-in.
    let id: [UInt8]
    /// The token that it was begun with, as ``Sessions/tag(of:)`` names it.
    let token: [UInt8]
    /// Seconds since 1970.
    let begun: Int64
    /// The last time at which the cookie was renewed.
    var seen: Int64

    /// How long a session lasts without a request, in seconds.
    static let idle: Int64 = 12 * 3_600
    /// How long a session lasts at most.
    static let longest: Int64 = 7 * 86_400
    /// The age from which a request renews the cookie.
    static let renewal: Int64 = 600
}

/// Makes and checks the cookies of signed-in browsers.
///
/// A cookie has the session, signed with a key that only this service has, and nothing that opens anything else. The key and the
/// sessions that were ended before their time are in a file, so that both survive a restart. A new key ends all sessions.
final class Sessions: Sendable {
    private struct State {
        var key: [UInt8]
        /// The end of the longest life of each session that was ended, by its id.
        var ended: [String: Int64] = [:]
    }

    /// The file's content.
    private struct Stored: Codable {
        let key: String
        let ended: [String: Int64]
    }

    private static let sizeLimit = 1 << 20
    /// Ended sessions beyond it end all sessions, so that the file stays small.
    private static let mostEnded = 5_000
    private static let version: UInt8 = 1
    private static let length = 1 + 16 + 16 + 8 + 8

    private let path: String
    private let state: Mutex<State>
    private let writing = Mutex(())

    /// Reads the key, or makes one.
    ///
    /// - Parameter path: the file that keeps it.
    /// - Throws: ``UsageError`` if the file cannot be read or written.
    init(path: String) throws(UsageError) {
        self.path = path
        let (stored, isNew) = try Self.stored(at: path)
        state = Mutex(stored)
        if isNew { try write() }
    }

    /// Reads the key again. If the file is gone, there is a new one, and all sessions have ended.
    func reload() throws(UsageError) {
        let (stored, isNew) = try Self.stored(at: path)
        state.withLock { $0 = stored }
        if isNew { try write() }
    }

    /// The file's state, or a new one that is not written yet.
    private static func stored(at path: String) throws(UsageError) -> (state: State, isNew: Bool) {
        do throws(BoundedFile.ReadError) {
            let bytes = try BoundedFile.read(path, limit: sizeLimit, requiresRegular: true)
            // A damaged file is replaced: that ends sessions and harms nothing else.
            if let state = state(of: bytes) { return (state, false) }
        } catch .system(ENOENT) {
        } catch {
            throw UsageError("the file of sessions '\(path)' cannot be read (\(error.reason)): check its permissions")
        }
        return (State(key: .random(32)), true)
    }

    private static func state(of bytes: [UInt8]) -> State? {
        do {
            let stored = try JSONDecoder().decode(Stored.self, from: Data(bytes))
            guard let key = Base64URL.decode(stored.key), key.count == 32 else { return nil }
            return State(key: key, ended: stored.ended)
        } catch {
            return nil
        }
    }

    private func write() throws(UsageError) {
        // One after the other, so that the last state is the one that stays.
        let failure = writing.withLock { _ -> String? in
            let state = state.withLock(\.self)
            do {
                let stored = Stored(key: Base64URL.encode(state.key), ended: state.ended)
                try AtomicFile(path: path, isPrivate: true).write(Array(try JSONEncoder().encode(stored)))
                return nil
            } catch let error as AtomicFile.WriteError {
                return error.reason
            } catch {
                return "\(error)"
            }
        }
        guard let failure else { return }
        throw UsageError(
            "the file of sessions '\(path)' cannot be written (\(failure)): check the folder's permissions")
    }

    // MARK: - Cookies

    /// A name for a token that reveals nothing about it.
    ///
    /// - Parameter hash: the token's SHA-256.
    func tag(of hash: [UInt8]) -> [UInt8] { Array(sign("token", hash).prefix(16)) }

    func begin(with token: [UInt8], at now: Int64) -> Session {
        Session(id: .random(16), token: tag(of: token), begun: now, seen: now)
    }

    /// The value of a session's cookie.
    func cookie(_ session: Session) -> String {
        var bytes = [Self.version] + session.id + session.token
        for number in [session.begun, session.seen] { bytes += withUnsafeBytes(of: number.bigEndian, Array.init) }
        return Base64URL.encode(bytes + sign("session", bytes))
    }

    /// The session of a cookie; nil if it is not one of ours, has ended, or is too old.
    func session(_ cookie: Substring, at now: Int64) -> Session? {
        guard let bytes = Base64URL.decode(cookie), bytes.count == Self.length + 32, bytes[0] == Self.version else {
            return nil
        }
        let content = Array(bytes[..<Self.length])
        guard ConstantTime.areEqual(sign("session", content), Array(bytes[Self.length...])) else { return nil }
        func number(_ start: Int) -> Int64 { content[start..<start + 8].reduce(0) { $0 << 8 | Int64($1) } }
        let session = Session(
            id: Array(content[1..<17]), token: Array(content[17..<33]), begun: number(33), seen: number(41))
        guard now - session.begun < Session.longest, now - session.seen < Session.idle else { return nil }
        return state.withLock({ $0.ended[Hexadecimal.encode(session.id)] }) == nil ? session : nil
    }

    /// Ends a session for good: its cookie opens nothing any more, wherever a copy of it is.
    func end(_ session: Session, at now: Int64) throws(UsageError) {
        state.withLock { state in
            state.ended = state.ended.filter { $0.value > now }
            state.ended[Hexadecimal.encode(session.id)] = session.begun + Session.longest
            if state.ended.count > Self.mostEnded { state = State(key: .random(32)) }
        }
        try write()
    }

    // MARK: - Forms

    /// What a form must send along, so that no other site can send it.
    ///
    /// - Parameter owner: a session's id, or the random number in the cookie of a browser that signs in.
    func formToken(for owner: [UInt8]) -> String { Base64URL.encode(sign("form", owner)) }

    func isFormToken(_ text: String, for owner: [UInt8]) -> Bool {
        ConstantTime.areEqual(Array(text.utf8), Array(formToken(for: owner).utf8))
    }

    /// - Parameter purpose: keeps a signature for one purpose from serving another.
    private func sign(_ purpose: String, _ message: [UInt8]) -> [UInt8] {
        SHA256.authenticationCode(for: Array("\(purpose):".utf8) + message, key: state.withLock(\.key))
    }
}
