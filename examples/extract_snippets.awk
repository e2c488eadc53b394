# Turns the C++ blocks of a Markdown file into one source file. "```cpp" stands at file scope; the
# content of "```cpp coroutine" is put into a coroutine that has a node to work with.
FNR == 1 { print "#include <future>\n#include <iostream>\n" }
/^```cpp$/ { inside = 1; print "// " FILENAME ":" FNR; next }
/^```cpp coroutine$/ {
  inside = coroutine = 1
  print "boost::asio::awaitable<void> snippet_" FNR "([[maybe_unused]] Node& node,"
  print "    [[maybe_unused]] mesh::InstanceId target,"
  print "    [[maybe_unused]] boost::asio::any_io_executor executor) {"
  print "// " FILENAME ":" FNR
  next
}
/^```$/ && inside {
  if (coroutine) print "co_return;\n}"
  inside = coroutine = 0
  next
}
inside
