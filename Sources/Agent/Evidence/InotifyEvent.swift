import Glibc

/// One event of inotify. Source: `inotify(7)`, "Reading events from an inotify file descriptor".
struct InotifyEvent: Hashable, Sendable {
    /// Which watch; -1 where events were lost.
    var watch: Int32
    var mask: UInt32
    /// The name in a watched directory; empty for the watched file itself.
    var name: String

    /// The events of one read, which holds whole ones only.
    static func parse(_ bytes: some Collection<UInt8>) -> [InotifyEvent] {
        let headLength = MemoryLayout<inotify_event>.size
        var events: [InotifyEvent] = []
        var rest = Array(bytes)[...]
        while rest.count >= headLength {
            let head = rest.withUnsafeBytes { $0.loadUnaligned(as: inotify_event.self) }
            let length = headLength + Int(head.len)
            guard rest.count >= length else { break }
            let name = rest.dropFirst(headLength).prefix(Int(head.len)).prefix { $0 != 0 }
            events.append(
                InotifyEvent(watch: head.wd, mask: head.mask, name: String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(length)
        }
        return events
    }
}
