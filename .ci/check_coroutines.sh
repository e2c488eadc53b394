#!/usr/bin/env bash
# Finds what g++ 12 compiles wrongly in coroutines, in code and documentation. A co_await behind &&,
# || or ? may be evaluated whatever stands before it. And temporaries of aggregate type inside co_await
# expressions are destroyed twice. Looks for `Type{`, `{.field` and `({value` between a co_await and the end of its
# statement, or of its line in a table. Trivially destructible option structs are safe.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Those that must contain one are the tests of the compile-time guard.
find README.md docs include src examples tests -name node_modules -prune -o \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.md' \) -print |
  grep -v '^tests/compile/temporary_' |
  xargs perl -0777 -ne '
    s{//[^\n]*}{}g;
    s{^(\|.*)\|$}{$1;}gm;
    while (/(?:&&|\|\||\?)[!(\s]*co_await\b|\?[^:;?{}]*:[!(\s]*co_await\b/g) {
      my $line = 1 + (substr($_, 0, $-[0]) =~ tr/\n//);
      print "$ARGV:$line: a co_await that need not be evaluated: g++ 12 may do it anyway\n";
      $found = 1;
    }
    while (/\bco_await\b/g) {
      my ($at, $end, $depth) = ($-[0], pos, 0);
      my $statement = "";
      for my $c (split //, substr($_, $end, 2000)) {
        last if $c eq ";" || ($c eq "{" && $depth < 0);  # the latter: the block after if (...)
        $depth += ($c eq "(") - ($c eq ")");
        $statement .= $c;
      }
      $statement =~ s/R"\(.*?\)"//gs;
      $statement =~ s/"(?:[^"\\]|\\.)*"//g;
      $statement =~ s/\{\s*\.(?:timeout|skip_self|drain_timeout)\b//g;
      next unless $statement =~ /\b(?:[A-Z]\w*|Json|json)\s*\{|\{\s*\.\w|[(,]\s*\{\s*\w/;
      my $line = 1 + (substr($_, 0, $at) =~ tr/\n//);
      print "$ARGV:$line: a temporary aggregate in a co_await expression: name it first\n";
      $found = 1;
    }
    END { exit($found ? 1 : 0) }'
