import Foundation
import Glibc
import Testing

@testable import Agent

/// With the kernel's real inotify: its events are there when the call that causes them returns.
@Suite struct FileWatchTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What was told since the last time.
    private func told(_ watch: FileWatch) throws -> [FileWatch.Urgency] {
        let descriptor = try #require(watch.readingEnd())
        defer { close(descriptor) }
        var urgencies: [FileWatch.Urgency] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            // One by one, as if each had come alone.
            for event in InotifyEvent.parse(buffer.prefix(count)) { urgencies.append(watch.urgency(of: [event])) }
        }
        return urgencies.filter { $0 != .none }
    }

    private func watch(_ path: String) throws -> FileWatch {
        let watch = try #require(FileWatch(path: path))
        #expect(watch.arm())
        return watch
    }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
    }

    private func link(_ name: String, to target: String) { #expect(symlink(target, folder.file(name)) == 0) }

    private func move(_ name: String, over other: String) {
        #expect(rename(folder.file(name), folder.file(other)) == 0)
    }

    @Test("A file that is written and closed is told of at once, and while it stays open a moment later")
    func written() throws {
        try folder.write("one", to: "canvas")
        let watch = try watch(folder.file("canvas"))
        #expect(try told(watch).isEmpty)
        let descriptor = open(folder.file("canvas"), O_WRONLY | O_TRUNC)
        #expect(write(descriptor, "two", 3) == 3)
        let open = try told(watch)
        #expect(!open.isEmpty && open.allSatisfy { $0 == .soon })
        close(descriptor)
        #expect(try told(watch) == [.now])
    }

    @Test("A file that is renamed over, deleted, made again or forbidden is told of at once")
    func replaced() throws {
        try folder.write("one", to: "canvas")
        try folder.write("two", to: "next")
        let watch = try watch(folder.file("canvas"))
        move("next", over: "canvas")
        #expect(try told(watch).contains(.now))
        // As every read does.
        #expect(watch.arm())
        #expect(try told(watch).isEmpty)
        try folder.write("three", to: "canvas")
        #expect(try told(watch).last == .now, "the new file is watched as the old one was")
        #expect(chmod(folder.file("canvas"), 0) == 0)
        #expect(try told(watch) == [.now])
        #expect(unlink(folder.file("canvas")) == 0)
        #expect(try told(watch).contains(.now))
        #expect(watch.arm())
        _ = try told(watch)
        try folder.write("four", to: "canvas")
        #expect(try told(watch).first == .now)
    }

    @Test("A file whose folders are not there yet is told of as each comes to be")
    func late() throws {
        let watch = try watch(folder.file("a/b/canvas"))
        for step in ["a", "a/b"] {
            try makeFolder(step)
            #expect(try told(watch) == [.now], "\(step)")
            #expect(watch.arm())
        }
        try folder.write("one", to: "a/b/canvas")
        #expect(try told(watch).first == .now)
    }

    @Test("A folder or a symbolic link on the way that is replaced is told of, and leads to the new file")
    func wayReplaced() throws {
        for release in ["1", "2"] {
            try makeFolder("releases/\(release)")
            try folder.write(release, to: "releases/\(release)/canvas")
        }
        link("current", to: "releases/1")
        link("absolute", to: folder.file("current/canvas"))
        let watch = try watch(folder.file("absolute"))
        // As careful deployments do: a new link, renamed over the old one.
        link("next", to: "releases/2")
        _ = try told(watch)
        move("next", over: "current")
        #expect(try told(watch).contains(.now))
        #expect(watch.arm())
        _ = try told(watch)
        try folder.write("more", to: "releases/1/canvas")
        #expect(try told(watch).isEmpty, "the old one is of no interest any more")
        try folder.write("more", to: "releases/2/canvas")
        #expect(try told(watch).last == .now)
        move("releases/2", over: "elsewhere")
        #expect(try told(watch).contains(.now))
        #expect(watch.arm())
        move("releases", over: "gone")
        #expect(try told(watch).contains(.now))
    }

    @Test("What happens beside the file wakes nobody for long")
    func neighbours() throws {
        try folder.write("one", to: "canvas")
        try folder.write("one", to: "neighbour")
        let watch = try watch(folder.file("canvas"))
        let descriptor = try #require(watch.readingEnd())
        defer { close(descriptor) }
        for _ in 0..<100 { try folder.write("two", to: "neighbour") }
        _ = try String(contentsOfFile: folder.file("canvas"), encoding: .utf8)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &buffer, buffer.count)
        // The folder that all tests share is watched too, and has names come and go.
        let names = InotifyEvent.parse(buffer.prefix(max(0, count))).map(\.name)
        #expect(!names.contains { $0.isEmpty || $0 == "neighbour" || $0 == "canvas" }, "nothing wakes the agent")
        try folder.write("three", to: "other")
        #expect(unlink(folder.file("other")) == 0)
        #expect(try told(watch).isEmpty)
    }

    @Test("What cannot be watched is said not to be: links in a circle")
    func circle() throws {
        link("one", to: "two")
        link("two", to: "one")
        let watch = try #require(FileWatch(path: folder.file("one")))
        #expect(!watch.arm())
    }

    @Test("A path with dots and doubled slashes leads where the kernel goes")
    func oddPaths() throws {
        try makeFolder("a")
        try folder.write("one", to: "canvas")
        let watch = try watch("\(folder.path)//a/./..//canvas")
        try folder.write("two", to: "canvas")
        #expect(try told(watch).last == .now)
    }

    @Test("Watches do not pile up, however often the file is replaced")
    func bounded() throws {
        try folder.write("0", to: "canvas")
        let watch = try watch(folder.file("canvas"))
        let descriptor = try #require(watch.readingEnd())
        defer { close(descriptor) }
        let count = {
            try String(contentsOfFile: "/proc/self/fdinfo/\(descriptor)", encoding: .utf8)
                .split(separator: "\n").count { $0.hasPrefix("inotify wd:") }
        }
        let before = try count()
        // Kept, so that the kernel cannot drop the watch together with the file.
        try makeFolder("old")
        for number in 1...20 {
            try folder.write("\(number)", to: "next")
            move("canvas", over: "old/\(number)")
            move("next", over: "canvas")
            #expect(watch.arm())
        }
        #expect(try count() == before)
    }
}
