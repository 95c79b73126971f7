# SPDX-License-Identifier: MIT
#
# Draws growth.svg of tests/bench/run: what a command and a port cost as ports
# become many. `data`: ports, wall us, CPU us, raw wall us, raw CPU us, PSS kB.
set terminal svg size 800,700 background "white"
set multiplot layout 2,1 title "attest, AT+GMR on N ports at once"
set logscale x 2
set xrange [1:2000]
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1500)
set grid
set yrange [0:*]
set key top right
set ylabel "us a command"
plot data using 1:2 with linespoints title "wall", \
     data using 1:3 with linespoints title "CPU", \
     data using 1:4 with linespoints dashtype 2 title "wall, raw C", \
     data using 1:5 with linespoints dashtype 2 title "CPU, raw C"
set ylabel "PSS in MB"
set xlabel "ports"
set key top left
plot data using 1:($6/1024) with linespoints title "attest"
unset multiplot
