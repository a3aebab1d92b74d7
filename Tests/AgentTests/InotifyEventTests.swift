import Glibc
import Testing

@testable import Agent

@Suite struct InotifyEventTests {
    private func bytes(_ event: InotifyEvent, padding: Int) -> [UInt8] {
        let name = event.name.isEmpty ? [] : Array(event.name.utf8) + Array(repeating: 0, count: padding)
        var head = inotify_event()
        head.wd = event.watch
        head.mask = event.mask
        head.cookie = 7
        head.len = UInt32(name.count)
        return withUnsafeBytes(of: head) { Array($0.prefix(16)) } + name
    }

    private let events = [
        InotifyEvent(watch: 3, mask: UInt32(IN_CREATE), name: "canvas.json"),
        InotifyEvent(watch: 4, mask: UInt32(IN_CLOSE_WRITE), name: ""),
        InotifyEvent(watch: -1, mask: UInt32(IN_Q_OVERFLOW), name: ""),
        InotifyEvent(watch: 3, mask: UInt32(IN_MOVED_TO), name: "größe"),
    ]

    @Test("The events of one read are parsed, with and without names")
    func parse() {
        #expect(InotifyEvent.parse(events.flatMap { bytes($0, padding: 5) }) == events)
        #expect(InotifyEvent.parse([]).isEmpty)
    }

    @Test("A truncated event is dropped, and nothing is read beyond the end")
    func cut() {
        let all = events.flatMap { bytes($0, padding: 5) }
        for length in 0..<all.count { #expect(InotifyEvent.parse(all.prefix(length)).count < events.count) }
    }
}
