import Foundation
import Glibc
import Testing

@testable import Agent

/// Uses the kernel's inotify. An event is available as soon as the call that causes it returns.
@Suite struct FileWatchTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The announcements since the last call.
    private func changes(_ watch: FileWatch) throws -> [FileWatch.Urgency] {
        let descriptor = try #require(watch.duplicateDescriptor())
        defer { close(descriptor) }
        var urgencies: [FileWatch.Urgency] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            // One by one, as if each had arrived in a separate read.
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

    @Test("A written file is announced at once when it is closed, and with a delay while it is open")
    func written() throws {
        try folder.write("one", to: "canvas")
        let watch = try watch(folder.file("canvas"))
        #expect(try changes(watch).isEmpty)
        let descriptor = open(folder.file("canvas"), O_WRONLY | O_TRUNC)
        #expect(write(descriptor, "two", 3) == 3)
        let open = try changes(watch)
        #expect(!open.isEmpty && open.allSatisfy { $0 == .soon })
        close(descriptor)
        #expect(try changes(watch) == [.now])
    }

    @Test("A rename over the file, its deletion, creation and a change of permissions are announced at once")
    func replaced() throws {
        try folder.write("one", to: "canvas")
        try folder.write("two", to: "next")
        let watch = try watch(folder.file("canvas"))
        move("next", over: "canvas")
        #expect(try changes(watch).contains(.now))
        // Armed again, as before every read.
        #expect(watch.arm())
        #expect(try changes(watch).isEmpty)
        try folder.write("three", to: "canvas")
        #expect(try changes(watch).last == .now, "the new file is watched as the old one was")
        #expect(chmod(folder.file("canvas"), 0) == 0)
        #expect(try changes(watch) == [.now])
        #expect(unlink(folder.file("canvas")) == 0)
        #expect(try changes(watch).contains(.now))
        #expect(watch.arm())
        _ = try changes(watch)
        try folder.write("four", to: "canvas")
        #expect(try changes(watch).first == .now)
    }

    @Test("The creation of each missing folder on the way is announced")
    func late() throws {
        let watch = try watch(folder.file("a/b/canvas"))
        for step in ["a", "a/b"] {
            try makeFolder(step)
            #expect(try changes(watch) == [.now], "\(step)")
            #expect(watch.arm())
        }
        try folder.write("one", to: "a/b/canvas")
        #expect(try changes(watch).first == .now)
    }

    @Test("A replaced folder or symbolic link on the way is announced, and leads to the new file")
    func wayReplaced() throws {
        for release in ["1", "2"] {
            try makeFolder("releases/\(release)")
            try folder.write(release, to: "releases/\(release)/canvas")
        }
        link("current", to: "releases/1")
        link("absolute", to: folder.file("current/canvas"))
        let watch = try watch(folder.file("absolute"))
        // A new link, renamed over the old one, as atomic deployments do.
        link("next", to: "releases/2")
        _ = try changes(watch)
        move("next", over: "current")
        #expect(try changes(watch).contains(.now))
        #expect(watch.arm())
        _ = try changes(watch)
        try folder.write("more", to: "releases/1/canvas")
        #expect(try changes(watch).isEmpty, "the old file is no longer watched")
        try folder.write("more", to: "releases/2/canvas")
        #expect(try changes(watch).last == .now)
        move("releases/2", over: "elsewhere")
        #expect(try changes(watch).contains(.now))
        #expect(watch.arm())
        move("releases", over: "gone")
        #expect(try changes(watch).contains(.now))
    }

    @Test("Changes beside the file are not announced")
    func neighbours() throws {
        try folder.write("one", to: "canvas")
        try folder.write("one", to: "neighbour")
        let watch = try watch(folder.file("canvas"))
        let descriptor = try #require(watch.duplicateDescriptor())
        defer { close(descriptor) }
        for _ in 0..<100 { try folder.write("two", to: "neighbour") }
        _ = try String(contentsOfFile: folder.file("canvas"), encoding: .utf8)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &buffer, buffer.count)
        // The folder that all tests share is watched, too, and its entries change.
        let names = InotifyEvent.parse(buffer.prefix(max(0, count))).map(\.name)
        #expect(!names.contains { $0.isEmpty || $0 == "neighbour" || $0 == "canvas" }, "no announcement")
        try folder.write("three", to: "other")
        #expect(unlink(folder.file("other")) == 0)
        #expect(try changes(watch).isEmpty)
    }

    @Test("Circular links are reported as not watchable")
    func circle() throws {
        link("one", to: "two")
        link("two", to: "one")
        let watch = try #require(FileWatch(path: folder.file("one")))
        #expect(!watch.arm())
    }

    @Test("A path with dots and double slashes is resolved as the kernel does")
    func oddPaths() throws {
        try makeFolder("a")
        try folder.write("one", to: "canvas")
        let watch = try watch("\(folder.path)//a/./..//canvas")
        try folder.write("two", to: "canvas")
        #expect(try changes(watch).last == .now)
    }

    @Test("Watches do not accumulate when the file is replaced repeatedly")
    func bounded() throws {
        try folder.write("0", to: "canvas")
        let watch = try watch(folder.file("canvas"))
        let descriptor = try #require(watch.duplicateDescriptor())
        defer { close(descriptor) }
        let count = {
            try String(contentsOfFile: "/proc/self/fdinfo/\(descriptor)", encoding: .utf8)
                .split(separator: "\n").count { $0.hasPrefix("inotify wd:") }
        }
        let before = try count()
        // The replaced files are kept, so that the kernel does not remove their watches with them.
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
